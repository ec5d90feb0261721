"""The rules of each published table, by topic."""
