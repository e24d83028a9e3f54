module sluice.dev/test/cluster/metrics-server

go 1.24
