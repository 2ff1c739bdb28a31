"""Control characters, which names from elsewhere may hold and terminals obey."""

UNSEEN = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}
"""For `str.translate`: each as its number. A tab and the end of a line stay what they are."""
