"""Which structure a message has: by MSH-9.3, or by its type and event where that names none.

A version's tables list structures and not the events that use them, so what chapter 2 (table 0354) says of
events is written here. A structure that has the event's own name goes first; of the others, the first that
the version has. Knows names only.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["is_local", "structures_of"]

ALONE = ("ACK", "MCF")
"""Types that have one structure whatever event they answer."""

SHARED: dict[str, str] = {
    "ADT_A01": "A01 A04 A05 A08 A13 A14 A28 A31",
    "ADT_A02": "A02 A21 A22 A23 A25 A26 A27 A29 A32 A33",
    "ADT_A05": "A05 A14 A28 A31",
    "ADT_A06": "A06 A07",
    "ADT_A09": "A09 A10 A11 A12 A15",
    "ADT_A21": "A21 A22 A23 A25 A26 A27 A29 A32 A33",
    "ADT_A30": "A30 A34 A35 A36 A46 A47 A48 A49",
    "ADT_A39": "A39 A40 A41 A42",
    "ADT_A43": "A43 A44 A49",
    "ADT_A44": "A44 A47",
    "ADT_A50": "A50 A51",
    "ADT_A52": "A52 A53 A55",
    "ADT_A54": "A54 A55",
    "ADT_A61": "A61 A62",
    "ADR_A19": "A19",
    "ARD_A19": "A19",
    "CCR_I16": "I16 I17 I18",
    "CRM_C01": "C01 C02 C03 C04 C05 C06 C07 C08",
    "CSU_C09": "C09 C10 C11 C12",
    "LSU_U12": "U12 U13",
    "MDM_T01": "T01 T03 T05 T07 T09 T11",
    "MDM_T02": "T02 T04 T06 T08 T10",
    "MFK_M01": "M01 M02 M03 M04 M05 M06 M07 M08 M09 M10 M11 M12 M13 M14 M15 M16 M17",
    "MFN_Znn": "M14",
    "MFQ_M01": "M01 M02 M03 M04 M05 M06 M07 M08 M09 M10 M11 M12 M13 M14",
    "MFR_M01": "M01 M02 M03 M07 M08 M09 M10 M11 M12 M13 M14",
    "ORU_R01": "R01 R40",
    "ORU_R30": "R30 R31 R32",
    "PEX_P07": "P07 P08",
    "PGL_PC6": "PC6 PC7 PC8",
    "PMU_B01": "B01 B02",
    "PMU_B04": "B04 B05 B06",
    "PPG_PCG": "PCG PCH PCJ",
    "PPP_PCB": "PCB PCC PCD",
    "PPR_PC1": "PC1 PC2 PC3",
    "QBP_Q11": "Q11 Q31",
    "QBP_Q21": "Q21 Q22 Q23 Q24 Q25 Q32",
    "QCN_J01": "J01 J02",
    "QRY_PC4": "PC4 PC9 PCE PCK",
    "QRY_Q01": "Q01 Q26 Q27 Q28 Q29 Q30",
    "RDE_O11": "O11 O25",
    "REF_I12": "I12 I13 I14 I15",
    "RPA_I08": "I08 I09 I10 I11",
    "RPI_I01": "I01 I04",
    "RQA_I08": "I08 I09 I10 I11",
    "RQC_I05": "I05 I06",
    "RQI_I01": "I01 I02 I03 I07",
    "RRE_O12": "O12 O26",
    "RRI_I12": "I12 I13 I14 I15",
    "RSP_K21": "K21 K22 K23 K24",
    "RSP_K23": "K23 K24",
    "SDR_S31": "S31 S36",
    "SDR_S32": "S32 S37",
    "SIU_S12": "S12 S13 S14 S15 S16 S17 S18 S19 S20 S21 S22 S23 S24 S26 S27",
    "SLR_S28": "S28 S29 S30 S34 S35",
    "SRM_S01": "S01 S02 S03 S04 S05 S06 S07 S08 S09 S10 S11",
    "SRR_S01": "S01 S02 S03 S04 S05 S06 S07 S08 S09 S10 S11",
    "TCU_U10": "U10 U11",
}
"""The events of each structure that has more than its own; a structure that is later taken for some of the
events (ADT_A05 for A28) stands here beside the older one, and a version has one of them."""

OTHER_NAMES = {
    "ADR": "ARD", "LSR": "LSU", "PIN": "RQI", "QSX": "QCN", "SCN": "SDR", "SDN": "SDR", "SLN": "SLR",
    "SMD": "SDR", "STI": "SLR", "TCR": "TCU",
}  # fmt: skip
"""Types whose structure bears the name of another (ARD: so the tables of 2.3 spell ADR)."""

# Where two structures of a version name the same event, the younger one is right.
_YOUNGER = ("ADT_A05", "ADT_A12", "ADT_A15", "ADT_A21", "ADT_A44", "RSP_K23")

_BY_EVENT: dict[tuple[str, str], list[str]] = {}
for _structure, _events in sorted(SHARED.items(), key=lambda entry: entry[0] not in _YOUNGER):
    for _event in _events.split():
        _BY_EVENT.setdefault((_structure[:3], _event), []).append(_structure)


def structures_of(kind: str, event: str) -> list[str]:
    """The structures that a message type and event may have, the likeliest first; a version has one or two
    of them, or none."""
    return list(dict.fromkeys(_candidates(kind, event)))


def _candidates(kind: str, event: str) -> Iterator[str]:
    if event:
        yield f"{kind}_{event}"
        for name in (kind, OTHER_NAMES.get(kind, kind)):
            yield from _BY_EVENT.get((name, event), ())
    if kind in ALONE:
        yield kind


def is_local(name: str) -> bool:
    """Whether a type, event or segment is a site's own: it begins with Z (chapter 2, local extensions)."""
    return name[:1] == "Z"
