"""The members of a coalition for which one node speaks: what each was told and what each acknowledged. Pure."""
