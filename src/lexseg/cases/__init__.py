"""What a case is: manifests, images, checks, splits, importers, augmentation, batches."""
