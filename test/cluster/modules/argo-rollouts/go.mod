module sluice.dev/test/cluster/argo-rollouts

go 1.24
