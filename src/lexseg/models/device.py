"""Where a network runs: a device by its name, tried before any work is done for it."""

import torch

from lexseg.errors import ConfigError


def device_of(name: torch.device | str | None) -> torch.device:
    """The device of a name, in whatever capitals.

    Args:
        name: such as ``cpu`` or ``cuda:1``; ``None`` takes a GPU where there is one.

    Raises:
        ConfigError: there is none of this name here, or it holds no numbers, as ``meta``.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    asked = str(name).strip().lower()
    try:
        device = torch.device(asked)
        torch.zeros(1, device=device).cpu()  # what torch knows by name need not be there
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0] if asked else "the name is empty"
        hint = "try 'cpu' or 'cuda'" if torch.cuda.is_available() else "try 'cpu'"
        raise ConfigError(f"the device {str(name)!r} cannot be used: {reason}; {hint}") from error
    return torch.device("cpu") if device.type == "cpu" else device  # there is one, whatever its number
