"""Configuration, parsed once, a file for each subject. Every value that an operator may set stands in .env.example."""

import django_stubs_ext

from heirloom.api.described import SPECTACULAR_SETTINGS  # noqa: F401 - how the API is described is a setting too
from heirloom.portal.look import UNFOLD  # noqa: F401 - the admin's look is a setting too
from heirloom.settings.access import *
from heirloom.settings.audit import *
from heirloom.settings.data import *
from heirloom.settings.installation import *
from heirloom.settings.media import *
from heirloom.settings.vision import *
from heirloom.settings.work import *

django_stubs_ext.monkeypatch()
