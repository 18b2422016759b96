"""Reports: pages and pictures made from clips and from result files."""
