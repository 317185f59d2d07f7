"""Other file systems, from Debian's packages, for measurements beside ours."""
