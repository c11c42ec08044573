"""What explain says would have had to differ, tried for every code by making that change."""
