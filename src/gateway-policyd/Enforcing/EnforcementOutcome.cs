namespace Qwamos.Gateway.Enforcing;

/// <summary>How far the enforcement of one key's latest change has come. The zero value says that nothing is known to be in force.</summary>
internal readonly record struct EnforcementOutcome
{
    private readonly string? _text;

    private EnforcementOutcome(string text, bool isDone, bool isFailure)
    {
        _text = text;
        IsDone = isDone;
        IsFailure = isFailure;
    }

    public static EnforcementOutcome Waiting { get; } = new("waiting", false, false);

    public static EnforcementOutcome Done { get; } = new("done", true, false);

    /// <summary>No built-in enforcer has the key, and no hook of its name stands in hooks.d: the value is recorded, and nothing here acts on it.</summary>
    public static EnforcementOutcome NoEnforcer { get; } = new("no enforcer", false, false);

    public static EnforcementOutcome Failed(string why) => new("failed: " + why, false, true);

    /// <summary>A built-in enforcer none of whose keys was ever set.</summary>
    public static EnforcementOutcome ClosedUntilSet { get; } = new("closed until one of its enforcer's keys is set", false, false);

    /// <summary>It was put in force, and somebody else has changed it since.</summary>
    public static EnforcementOutcome Drifted(string how) => new("drifted: " + how, false, true);

    public bool IsDone { get; }

    public bool IsFailure { get; }

    /// <summary>As status shows it: <c>done</c>, <c>failed: why</c>, <c>drifted: how</c>, <c>no enforcer</c>, <c>waiting</c>, <c>closed until ...</c>.</summary>
    public override string ToString() => _text ?? "unknown";
}
