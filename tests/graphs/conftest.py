from graphed import graphs, images, model_folder, registered  # noqa: F401 - fixtures
