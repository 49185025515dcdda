"""Carbon: what a study asks for, what devices embody, what their use emits, and the metrics."""

from nas.carbon.embodied import (
    DeviceEmbodied,
    Line,
    battery_embodied_gco2e,
    device_embodied,
    die_embodied_gco2e,
    memory_embodied_gco2e,
    package_embodied_gco2e,
    pcb_embodied_gco2e,
)
from nas.carbon.footprint import Footprint, footprint, training_gco2e
from nas.carbon.metrics import (
    c2ep,
    cdp,
    ce2p,
    cep,
    edp,
    kappa_w,
    lifecycle_gco2e,
    sci,
    tcdp,
)
from nas.carbon.operational import idle_energy_j, operational_gco2e
from nas.carbon.study import (
    HOURS_PER_YEAR,
    ClosedDemand,
    Demand,
    Study,
    close_demand,
    share_gco2e,
    study_from_dict,
    study_to_dict,
)

__all__ = [
    "HOURS_PER_YEAR",
    "ClosedDemand",
    "Demand",
    "DeviceEmbodied",
    "Footprint",
    "Line",
    "Study",
    "battery_embodied_gco2e",
    "c2ep",
    "cdp",
    "ce2p",
    "cep",
    "close_demand",
    "device_embodied",
    "die_embodied_gco2e",
    "edp",
    "footprint",
    "idle_energy_j",
    "kappa_w",
    "lifecycle_gco2e",
    "memory_embodied_gco2e",
    "operational_gco2e",
    "package_embodied_gco2e",
    "pcb_embodied_gco2e",
    "sci",
    "share_gco2e",
    "study_from_dict",
    "study_to_dict",
    "tcdp",
    "training_gco2e",
]
