"""Recipes for everything that is not source: the parts of the Xen rig and the sample disks."""
