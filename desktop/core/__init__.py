"""Floor 0: pure functions and frozen types. No I/O, nothing imported from a higher floor."""
