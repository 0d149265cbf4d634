"""manage.py axes_reset_username: that of axes, and recorded."""

from axes.management.commands import axes_reset_username

from heirloom.accounts.management.unlocking import Recorded


class Command(Recorded, axes_reset_username.Command):  # type: ignore[misc]
    pass
