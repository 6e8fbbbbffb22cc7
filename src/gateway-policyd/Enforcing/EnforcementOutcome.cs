using Qwamos.ControlBus.Envelopes;

namespace Qwamos.Gateway.Enforcing;

/// <summary>How far the enforcement of one key's latest change has come. The zero value says that nothing is known to be in force.</summary>
internal readonly record struct EnforcementOutcome
{
    private readonly string? _text;
    private readonly string? _state;

    private EnforcementOutcome(string text, string state, string? why = null, bool isClosed = false)
    {
        _text = text;
        _state = state;
        Why = why;
        IsClosed = isClosed;
    }

    public static EnforcementOutcome Waiting { get; } = new("waiting", ReportedKey.Waiting);

    public static EnforcementOutcome Done { get; } = new("done", ReportedKey.InForce);

    /// <summary>No built-in enforcer has the key, and no hook of its name stands in hooks.d: the value is recorded, and nothing here acts on it.</summary>
    public static EnforcementOutcome NoEnforcer { get; } = new("no enforcer", ReportedKey.NoEnforcer, "nothing here acts on it");

    /// <param name="why">One clause.</param>
    /// <param name="isClosed">What the key guards is closed meanwhile.</param>
    public static EnforcementOutcome Failed(string why, bool isClosed = false) => new("failed: " + why, ReportedKey.Failed, why, isClosed);

    /// <summary>A built-in enforcer none of whose keys was ever set.</summary>
    public static EnforcementOutcome ClosedUntilSet { get; } = new("closed until one of its enforcer's keys is set", ReportedKey.Closed, "closed until one of its enforcer's keys is set", isClosed: true);

    /// <summary>It was put in force, and somebody else has changed it since.</summary>
    public static EnforcementOutcome Drifted(string how) => new("drifted: " + how, ReportedKey.Drifted, how);

    /// <summary>The word of a report; one of <see cref="ReportedKey.States"/>.</summary>
    public string State => _state ?? ReportedKey.Waiting;

    /// <summary>Why it is not in force; null when it is, or may yet be.</summary>
    public string? Why { get; }

    /// <summary>What the key guards is closed.</summary>
    public bool IsClosed { get; }

    public bool IsDone => State == ReportedKey.InForce;

    public bool IsFailure => State is ReportedKey.Failed or ReportedKey.Drifted;

    /// <summary>As status shows it: <c>done</c>, <c>failed: why</c>, <c>drifted: how</c>, <c>no enforcer</c>, <c>waiting</c>, <c>closed until ...</c>.</summary>
    public override string ToString() => _text ?? "unknown";
}
