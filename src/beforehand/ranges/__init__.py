"""Range filters: may any key lie between two bounds? Never a wrong no, and few wrong yeses."""
