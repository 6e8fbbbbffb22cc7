using Xunit.v3;

// Each test starts real daemons; on two cores more at once would only make each slower.
[assembly: Parallelization(MaxThreads = 2)]
