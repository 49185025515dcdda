"""M: metrics."""

from __future__ import annotations

from experiments.paper_checks.session import (
    OUT,
    Finding,
    Row,
    Session,
    judged,
    near,
)

# 1 cm2 at 7 nm, fab at 583 g/kWh, 97 % abatement, yield 0.875, one package: by hand
# (583 * 2.15 + 275 + 500) / 0.875 + 150 = 2468.23 g (design.md, section 5).
HAND_G = (583 * 2.15 + 275 + 500) / 0.875 + 150


def _device(run: Session) -> float:
    run(
        """
        from nas.carbon import cdp, cep, die_embodied_gco2e, package_embodied_gco2e, tcdp
        fab = {'fab_gco2e_per_kwh': 583, 'abatement_pct': 97, 'fab_yield': 0.875}
        device_g = die_embodied_gco2e(1, node_nm=7, **fab) + package_embodied_gco2e(1)
        """
    )
    return float(run("device_g"))


def cdp_row(run: Session) -> Finding:
    device = _device(run)
    value = run("cdp(device_g, 0.01)")
    return judged(
        f"{device:.2f} g x 10 ms = {value:.4f} g s",
        {
            "embodied carbon as by hand": near(device, HAND_G),
            "24.6823 g s, to 1e-9": near(value, HAND_G * 0.01),
        },
    )


def cep_row(run: Session) -> Finding:
    _device(run)
    value = run("cep(device_g, 0.5)")
    return judged(
        f"2468.23 g x 0.5 J = {value:.3f} g J", {"as by hand, to 1e-9": near(value, HAND_G * 0.5)}
    )


def tcdp_row(run: Session) -> Finding:
    run("from nas.carbon import cdp, tcdp")
    run("embodied_g, per_run_g, delay_s = [2000, 3000], [1e-4, 2e-5], [0.010, 0.008]")
    plain = run("cdp(embodied_g, delay_s)")
    flip = run("runs = (3000 * 0.008 - 2000 * 0.010) / (1e-4 * 0.010 - 2e-5 * 0.008)\nruns")
    before = run("tcdp(embodied_g, per_run_g, runs / 2, delay_s)")
    at = run("tcdp(embodied_g, per_run_g, runs, delay_s)")
    after = run("tcdp(embodied_g, per_run_g, 2 * runs, delay_s)")
    return judged(
        f"CDP prefers A ({plain[0]:.3g} < {plain[1]:.3g} g s) whatever the volume; tCDP changes to"
        f" B at {flip:,.0f} runs ({at[0]:.5g} = {at[1]:.5g} g s)",
        {
            "CDP prefers A": plain[0] < plain[1],
            "tCDP prefers A at half the volume": before[0] < before[1],
            "equal at the volume found by hand": near(at[0], at[1]),
            "tCDP prefers B at twice the volume": after[0] > after[1],
        },
    )


def pue_row(run: Session) -> Finding:
    run(
        """
        from hardware_profiles import Deployment, custom_grid
        from hardware_profiles.catalog import hardware
        grid = custom_grid(400)
        phone = Deployment('phone', hardware('pixel3'), 'int8', grid, supply_efficiency=1.0)
        gpu = Deployment('gpu', hardware('a100_sxm4_40'), 'fp16', grid, pue=1.1)
        """
    )
    supply = run("hardware('a100_sxm4_40').supply_efficiency")
    phone = run("phone.overhead")
    gpu = run("gpu.overhead")
    expected = 1.1 / (1.0 if supply is None else supply.value)
    return judged(
        f"phone {phone:g}; data-centre GPU at `pue: 1.1` {gpu:.4g}",
        {"phone has no PUE": near(phone, 1.0), "PUE enters once": near(gpu, expected)},
        why="each overhead applies only outside the boundary where the energy was taken",
    )


ROWS = (
    Row("M1", "IV", "CDP: carbon-delay product (ACT)", cdp_row),
    Row("M2", "IV", "CEP: carbon-energy product (ACT)", cep_row),
    Row("M3", "IV", "tCDP: total carbon-delay product", tcdp_row),
    Row(
        "M5",
        "IV",
        "exergy guides the design of sustainable computers",
        settled=Finding("-", OUT, "the paper gives no formula and no figure to compute it from"),
    ),
    Row("M8", "I, Fig. 7", "PUE as an input of each site", pue_row),
)
