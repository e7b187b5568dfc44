//! Where the requirements behind causes stand in the RFCs, for people who have the RFCs and not our numbers.

/// The RFC place of a requirement that a [`crate::cause::Cause`] rests on, as `rfc7672#2.2`: document and section.
///
/// `None` for an id on which no cause rests. The whole list, with every place, is in `rfc/`.
#[must_use]
pub fn place(requirement: &str) -> Option<&'static str> {
    Some(match requirement {
        "R-001" => "rfc7672#2.1.1",
        "R-002" | "R-018" | "R-031" => "rfc7672#2.1.2",
        "R-004" => "rfc7672#2.2.1",
        "R-006" | "R-007" | "R-010" => "rfc5321#5.1",
        "R-008" | "R-009" => "rfc7505#3",
        "R-013" | "R-029" | "R-032" | "R-033" | "R-034" | "R-036" | "R-038" | "R-101" => "rfc7672#2.2",
        "R-017" | "R-019" | "R-020" | "R-026" => "rfc7672#2.2.2",
        "R-040" | "R-048" => "rfc6698#2.1",
        "R-041" | "R-075" => "rfc7671#9",
        "R-042" | "R-050" => "rfc6698#2.1.3",
        "R-043" => "rfc7672#3.1.3",
        "R-049" => "rfc6698#2.1.2",
        "R-051" => "rfc6698#2.1.1",
        "R-052" => "rfc7671#5.1",
        "R-054" | "R-059" | "R-061" | "R-063" | "R-066" => "rfc7671#5.2",
        "R-056" => "rfc7671#5.2.3",
        "R-058" => "rfc7671#5.2.2",
        "R-062" => "rfc8446#4.4.2",
        "R-068" => "rfc7672#3.2.2",
        "R-067" | "R-073" | "R-103" => "rfc7672#8.1",
        "R-090" | "R-095" => "rfc7671#8",
        "R-099" => "rfc7672#3.1",
        "R-102" => "rfc7672#3.1.1",
        "R-107" | "R-124" => "rfc4035#5",
        "R-108" | "R-109" => "rfc4035#5.2",
        "R-112" => "rfc4035#5.3.1",
        "R-114" => "rfc4035#5.3.4",
        "R-115" => "rfc4035#5.3",
        "R-117" => "rfc4035#5.4",
        "R-123" => "rfc9276#3.2",
        "R-127" => "rfc4035#4.3",
        "R-128" => "rfc7766#5",
        "R-129" => "rfc7672#9.2",
        "R-131" => "rfc7671#13",
        "R-132" => "rfc7671#10.1.1",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::place;
    use crate::cause::Cause;
    use std::collections::HashMap;

    /// First place of every requirement, from `rfc/*.md`: `## R-036 MUST §2.2, …` in the file of the document.
    fn listed() -> HashMap<String, String> {
        let mut listed = HashMap::new();
        for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../rfc")).unwrap() {
            let path = file.unwrap().path();
            let Some(document) = path.file_stem().and_then(|s| s.to_str()).filter(|_| path.extension().is_some_and(|e| e == "md")) else {
                continue;
            };
            for line in std::fs::read_to_string(&path).unwrap().lines().filter(|l| l.starts_with("## R-")) {
                let mut words = line.split_ascii_whitespace().skip(1);
                let (id, place) = (words.next().unwrap(), words.nth(1).unwrap().trim_end_matches(','));
                let place = place.strip_prefix('§').map_or_else(|| place.to_owned(), |section| format!("rfc{document}#{section}"));
                listed.insert(id.to_owned(), place);
            }
        }
        listed
    }

    #[test]
    fn every_cause_has_the_place_that_the_list_of_requirements_gives() {
        let listed = listed();
        for cause in Cause::ALL {
            assert_eq!(place(cause.requirement()), listed.get(cause.requirement()).map(String::as_str), "{cause}");
            assert_eq!(Some(cause.place()), place(cause.requirement()), "{cause}");
        }
        assert_eq!(place("R-999"), None);
    }
}
