namespace Qwamos.Gateway.Enforcing.Firewall;

/// <summary>What a counter has counted.</summary>
internal readonly record struct CounterValue(long Packets, long Bytes);
