"""Carbon: what a study asks for, what devices embody, what their use emits, and the metrics."""

from nas.carbon.bill import Line
from nas.carbon.demand import (
    HOURS_PER_YEAR,
    ClosedDemand,
    Demand,
    allocate,
    close_demand,
    share_gco2e,
)
from nas.carbon.die_yield import die_yield
from nas.carbon.embodied import (
    Beside,
    Capacities,
    DeviceEmbodied,
    Steps,
    beside_published,
    capacities,
    device_embodied,
)
from nas.carbon.footprint import Footprint, footprint
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
from nas.carbon.parts import (
    battery_embodied_gco2e,
    casing_embodied_gco2e,
    die_embodied_gco2e,
    memory_embodied_gco2e,
    package_embodied_gco2e,
    pcb_embodied_gco2e,
)
from nas.carbon.rates import Rates, Variants, rates_of
from nas.carbon.study import Baseline, Study, study_from_dict, study_to_dict
from nas.carbon.training import (
    TrainingEnergy,
    best_checkpoint_period_h,
    communication_energy_j,
    communication_s,
    rerun_factor,
    training_energy_j,
    training_gco2e,
)

__all__ = [
    "HOURS_PER_YEAR",
    "Baseline",
    "Beside",
    "Capacities",
    "ClosedDemand",
    "Demand",
    "DeviceEmbodied",
    "Footprint",
    "Line",
    "Rates",
    "Steps",
    "Study",
    "TrainingEnergy",
    "Variants",
    "allocate",
    "battery_embodied_gco2e",
    "beside_published",
    "best_checkpoint_period_h",
    "c2ep",
    "capacities",
    "casing_embodied_gco2e",
    "cdp",
    "ce2p",
    "cep",
    "close_demand",
    "communication_energy_j",
    "communication_s",
    "device_embodied",
    "die_embodied_gco2e",
    "die_yield",
    "edp",
    "footprint",
    "idle_energy_j",
    "kappa_w",
    "lifecycle_gco2e",
    "memory_embodied_gco2e",
    "operational_gco2e",
    "package_embodied_gco2e",
    "pcb_embodied_gco2e",
    "rates_of",
    "rerun_factor",
    "sci",
    "share_gco2e",
    "study_from_dict",
    "study_to_dict",
    "tcdp",
    "training_energy_j",
    "training_gco2e",
]
