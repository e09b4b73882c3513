"""Numbers with error bars: means of rows that hang together, shares, differences of two, and what a sample can show."""
