namespace Qwamos.ControlBus.Policy;

/// <summary>What the radio switch must know of this machine: the member <c>radio</c> of gateway.json.</summary>
/// <param name="Interfaces">The network interfaces of radios, whose traffic is counted for the idle time; at least one.</param>
public sealed record RadioFacts(IReadOnlyList<string> Interfaces)
{
    public const string Isolation = "RADIO_ISOLATION";
    public const string IdleTimeout = "RADIO_IDLE_TIMEOUT_MIN";

    public static IReadOnlyList<string> Keys { get; } = [Isolation, IdleTimeout];
}
