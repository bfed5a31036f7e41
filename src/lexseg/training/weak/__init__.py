"""Images and sentences, no masks: towers aligned, maps of what words mean, masks made of them (MedCLIP-SAMv2-style)."""
