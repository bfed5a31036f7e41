from graphed import model_folder, registered  # noqa: F401 - fixtures
