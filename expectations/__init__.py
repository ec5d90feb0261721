"""What the published tables must hold, and the judge that decides whether a build may be published."""
