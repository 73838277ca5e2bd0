"""Planted faults and clean controls: does each gate refuse what it must, for the right reason, and nothing else?"""
