"""The field where a finding can lie, without masks: two dark regions of healthy images, learnt under haze."""
