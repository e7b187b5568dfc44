//! The catalogue of DANE misconfigurations and what each must lead to.
