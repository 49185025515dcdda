"""Facts about devices, grids and fabs, each figure with its source; no formulas."""

from hardware_profiles.deployment import (
    Deployment,
    deployment_from_dict,
    deployment_label,
    deployment_to_dict,
)
from hardware_profiles.fab import FabTable, fab_table, fab_table_names
from hardware_profiles.figure import Figure
from hardware_profiles.grid import Grid, custom_grid, grid_names
from hardware_profiles.materials import BillOfMaterials
from hardware_profiles.profile import HardwareProfile, LayerKind, Precision

__all__ = [
    "BillOfMaterials",
    "Deployment",
    "FabTable",
    "Figure",
    "Grid",
    "HardwareProfile",
    "LayerKind",
    "Precision",
    "custom_grid",
    "deployment_from_dict",
    "deployment_label",
    "deployment_to_dict",
    "fab_table",
    "fab_table_names",
    "grid_names",
]
