using Qwamos.ControlBus.Policy;
using Qwamos.Gateway.Enforcing;

namespace Qwamos.ControlBus.Tests.Enforcing;

/// <summary>An enforcer whose "kernel" is a text, and which fails, lies or is interfered with as its test says.</summary>
internal sealed class ScriptedEnforcer : IStateEnforcer
{
    public const string Closed = "closed";

    private string _desired = "";

    public IReadOnlyList<string> Keys { get; init; } = FirewallFacts.Keys;

    /// <summary>What there really is.</summary>
    public string Kernel { get; set; } = "";

    /// <summary>Every state that there was, in order.</summary>
    public List<string> History { get; } = [];

    public Dictionary<string, string> Faults { get; } = [];

    public string? ApplyFails { get; set; }

    public bool Lies { get; set; }

    /// <summary>Whether a change set what was applied last.</summary>
    public bool WasNew { get; private set; }

    /// <summary>Once, in place of the next undoing: as the program that does it is killed.</summary>
    public Action<CancellationToken>? UndoIsKilled { get; set; }

    public IReadOnlyDictionary<string, string> Check(IReadOnlyDictionary<string, PolicyValue> values, CancellationToken stop) => new Dictionary<string, string>(Faults);

    public string? Apply(IReadOnlyDictionary<string, PolicyValue> values, bool isNew, CancellationToken stop)
    {
        WasNew = isNew;
        string state = string.Join(' ', Keys.Select(key => values[key].ToLine()));
        if (ApplyFails is not null)
        {
            Put("half " + state);
            return ApplyFails;
        }

        _desired = state;
        if (!Lies)
            Put(state);
        return null;
    }

    public string? Observe(CancellationToken stop) => Kernel == _desired ? null : $"there is {Kernel}";

    public string? Undo(CancellationToken stop)
    {
        _desired = Closed;
        if (UndoIsKilled is { } instead)
        {
            UndoIsKilled = null;
            instead(stop);
            return "killed";
        }

        if (!Lies)
            Put(Closed);
        return null;
    }

    private void Put(string state)
    {
        Kernel = state;
        History.Add(state);
    }
}
