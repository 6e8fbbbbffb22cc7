namespace Qwamos.ControlBus.Envelopes;

/// <summary>The commands whose <c>args</c> have a form of their own.</summary>
public static class Commands
{
    /// <summary>A policy change: <c>args</c> holds 1 to 64 policy keys.</summary>
    public const string SetPolicy = "set_policy";

    /// <summary>A look at the state: <c>args</c> is absent, empty or <c>{"reveal":bool}</c>. May come unsigned.</summary>
    public const string GetStatus = "get_status";
}
