"""The parts of `compare.py`: plan, data, tuning, final rows, processes, report."""
