//! Columns of few words: where in the dictionary of its row group the word of a row stands. The word itself, made for every row, would cost more than
//! all else that is read.

use super::{Values, flat_values, spread};
use parquet::basic::{Encoding, Type};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{ByteArray, Int32Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::RowGroupReader;
use std::sync::{Arc, OnceLock};

/// A column of one row group whose values all stand in a dictionary.
pub(super) struct Coded {
    words: Arc<OnceLock<Arc<[ByteArray]>>>,
    places: ColumnReaderImpl<Int32Type>,
}

impl Coded {
    /// `None`: some or all values stand outside of a dictionary.
    pub fn open(group: &dyn RowGroupReader, place: usize) -> Result<Option<Self>> {
        let metadata = group.metadata().column(place);
        let is_coded = [Encoding::RLE_DICTIONARY, Encoding::PLAIN_DICTIONARY].into_iter().any(|encoding| {
            metadata.column_type() == Type::BYTE_ARRAY && metadata.page_encoding_stats_mask().is_some_and(|mask| mask.is_only(encoding))
        });
        if !is_coded {
            return Ok(None);
        }
        let words = Arc::default();
        let pages = Pages { pages: group.get_column_page_reader(place)?, words: Arc::clone(&words) };
        Ok(Some(Self { words, places: ColumnReaderImpl::new(metadata.column_descr_ptr(), Box::new(pages)) }))
    }

    pub fn read(&mut self, rows: usize) -> Result<Values> {
        let (levels, places) = flat_values(&mut self.places, rows)?;
        // Where no row has a value there is no dictionary.
        let words = self.words.get().cloned().unwrap_or_default();
        let place = |place: i32| u32::try_from(place).ok().filter(|place| (*place as usize) < words.len());
        let places: Option<Vec<u32>> = places.into_iter().map(place).collect();
        let places = places.ok_or_else(|| ParquetError::General("a word that its dictionary does not have".to_owned()))?;
        let places = if places.len() == rows { places.into_iter().map(Some).collect() } else { spread(&levels, places) };
        Ok(Values::Coded(words, places))
    }
}

/// The pages of a column of words with another dictionary, in which every word is its place. So whoever reads them gets the places.
struct Pages {
    pages: Box<dyn PageReader>,
    words: Arc<OnceLock<Arc<[ByteArray]>>>,
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let (buf, encoding, is_sorted) = match self.pages.get_next_page()? {
            Some(Page::DictionaryPage { buf, encoding, is_sorted, .. }) => (buf, encoding, is_sorted),
            page => return Ok(page),
        };
        let words = words(&ByteArray::from(buf))?;
        let num_values = u32::try_from(words.len())?;
        let buf: Vec<u8> = (0..num_values).flat_map(u32::to_le_bytes).collect();
        self.words.get_or_init(|| words.into());
        Ok(Some(Page::DictionaryPage { buf: buf.into(), num_values, encoding, is_sorted }))
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

/// The words of a dictionary: each after its length, four octets, the lowest first.
fn words(page: &ByteArray) -> Result<Vec<ByteArray>> {
    let (mut words, mut at) = (Vec::new(), 0);
    while let Some((length, rest)) = page.data().get(at..).and_then(<[u8]>::split_first_chunk) {
        let length = u32::from_le_bytes(*length) as usize;
        if length > rest.len() {
            break;
        }
        words.push(page.slice(at + 4, length));
        at += 4 + length;
    }
    if at == page.len() { Ok(words) } else { Err(ParquetError::General("a dictionary ends in the middle of a word".to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dictionary cut off anywhere, or one that says more than it has, is an error; what it says of lengths is never believed.
    #[test]
    fn words_of_a_dictionary() {
        let whole = b"\x02\0\0\0ok\0\0\0\0\x03\0\0\0tcp";
        let read = |octets: &[u8]| Some(words(&ByteArray::from(octets.to_vec())).ok()?.iter().map(|word| word.data().to_vec()).collect());
        let found: Option<Vec<Vec<u8>>> = read(whole);
        assert_eq!(found, Some(vec![b"ok".to_vec(), Vec::new(), b"tcp".to_vec()]));
        for end in 0..whole.len() {
            assert_eq!(read(&whole[..end]).is_some(), [0, 6, 10].contains(&end), "{end}");
        }
        assert_eq!(read(b"\xff\xff\xff\xffok"), None);
    }
}
