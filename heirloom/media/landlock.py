"""Close the files of the machine to this process, whatever its user may open: Landlock, Linux 5.13 and later.

Constants and structures: linux/landlock.h; how to use them: https://docs.kernel.org/userspace-api/landlock.html
"""

import ctypes
import errno
import fcntl
import os
import struct
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_ASK_VERSION, _BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14
_RIGHTS_BY_VERSION = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1}
"""All that each version can forbid: from the third on, also cutting a file short."""
_UNKNOWN = {errno.ENOSYS, errno.EOPNOTSUPP}


def close_files(*, run: Iterable[Path] = (), change: Iterable[Path] = (), given: Iterable[int] = ()) -> bool:
    """Leave this process, for good, no files to open but these. Return False where the system cannot do that.

    run: files, and folders with all beneath them, to read and to run; change: to read and to write; those that are
    not there count for nothing. given: open descriptors, whose files may be opened again as they are open now.
    Needs PR_SET_NO_NEW_PRIVS.
    """
    version = _call(_CREATE_RULESET, None, 0, _ASK_VERSION)
    if version < 1:
        return False
    handled = _RIGHTS_BY_VERSION[min(version, max(_RIGHTS_BY_VERSION))]
    rules = _call(_CREATE_RULESET, struct.pack("Q", handled), 8, 0)
    try:
        for path in run:
            _allow_path(rules, path, handled & (_EXECUTE | _READ_FILE | _READ_DIR))
        for path in change:
            _allow_path(rules, path, handled & (_READ_FILE | _READ_DIR | _WRITE_FILE | _TRUNCATE))
        for descriptor in given:
            read_only = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
            rights = _READ_FILE if read_only else _READ_FILE | _WRITE_FILE | _TRUNCATE
            _allow(rules, descriptor, handled & rights)
        _call(_RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)
    return True


def _allow_path(rules: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        _allow(rules, descriptor, rights if path.is_dir() else rights & ~_READ_DIR)
    finally:
        os.close(descriptor)


def _allow(rules: int, descriptor: int, rights: int) -> None:
    _call(_ADD_RULE, rules, _BENEATH, struct.pack("=Qi", rights, descriptor), 0)


def _call(number: int, *arguments: int | bytes | None) -> int:
    """Return what the system answers, -1 where it does not know Landlock. Raises OSError for anything else."""
    libc = ctypes.CDLL(None, use_errno=True)
    passed = (ctypes.c_long(one) if isinstance(one, int) else one for one in arguments)
    answer = int(libc.syscall(ctypes.c_long(number), *passed))
    if answer < 0 and ctypes.get_errno() not in _UNKNOWN:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer
