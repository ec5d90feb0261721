"""Apache Superset for one home, on loopback: who can open the page may look, and nothing asks for a password."""

import os
from pathlib import Path

_FOLDER = Path(os.environ["SUPERSET_HOME"])

SECRET_KEY = (_FOLDER / "secret_key").read_text()
SQLALCHEMY_DATABASE_URI = f"sqlite:///{_FOLDER / 'superset.db'}"

# Anonymous visitors have this role, to which serve.py gives what it takes to look;
# `superset fab create-admin` makes somebody who can change charts.
AUTH_ROLE_PUBLIC = "Public"

# Each query opens the file anew, and so reads the latest publication; a cached answer would be of the one before.
CACHE_CONFIG = DATA_CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}

# Nothing of the page comes from other hosts, and it is served on loopback alone, without TLS.
TALISMAN_ENABLED = CONTENT_SECURITY_POLICY_WARNING = False
SLACK_ENABLE_AVATARS = False
LOG_LEVEL = "ERROR"
