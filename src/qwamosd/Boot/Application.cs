using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Boot;

/// <summary>Brings one value into force through its applier, and takes it back when that fails half way. Never throws for what an applier meets: that is its result.</summary>
internal sealed class Application(IEnumerable<IApplier> appliers)
{
    private readonly Dictionary<string, IApplier> byKey = appliers.ToDictionary(applier => applier.Key, StringComparer.Ordinal);

    /// <summary>Whether a change is put in place here, so that it goes on trial: it has an applier, and concerns this domain.</summary>
    public bool Serves(StagedChange change) => change.IsForThisDomain && byKey.ContainsKey(change.Key.Name);

    /// <summary>Applies the change and looks at what is there.</summary>
    public Observation Apply(StagedChange change) =>
        change.IsForThisDomain ? Apply(change.Key.Name, change.Value) : new Observation(BootResult.Recorded, "its audience leaves dom0 out");

    /// <summary>Looks at a change that an earlier run brought into force, and brings it back when it is gone.</summary>
    public Observation Keep(StagedChange change) => Serves(change) ? Keep(change.Key.Name, change.Value) : Apply(change);

    /// <summary>What a change that is served will be when it is applied.</summary>
    public string Expect(StagedChange change)
    {
        var applier = byKey[change.Key.Name];
        return Guarded(() => new Observation(applier.Expect(change.Value), "")).Result ?? BootResult.Recorded;
    }

    /// <summary>Applies a value and looks at what is there.</summary>
    public Observation Apply(string key, PolicyValue value)
    {
        if (!byKey.TryGetValue(key, out var applier)) return new Observation(BootResult.Recorded, "nothing here applies this key");
        return Guarded(() => applier.Check(value) is { } fault ? Observation.Missing(fault) : ApplyChecked(applier, value));
    }

    /// <summary>The same where the value is not there any more.</summary>
    public Observation Keep(string key, PolicyValue value) => Look(key, value) is { Result: not null } still ? still : Apply(key, value);

    /// <summary>Looks whether a value is in place, and changes nothing.</summary>
    public Observation Look(string key, PolicyValue value) => byKey.TryGetValue(key, out var applier)
        ? Guarded(() => applier.Check(value) is { } fault ? Observation.Missing(fault) : applier.Observe(value))
        : Observation.Missing("nothing here applies this key");

    /// <summary>Looks at what the running system does, once it has loaded what is in place.</summary>
    public Observation LookAtRunning(string key, PolicyValue value) => byKey.TryGetValue(key, out var applier)
        ? Guarded(() => applier.Check(value) is { } fault ? Observation.Missing(fault) : applier.ObserveRunning(value))
        : Observation.Missing("nothing here applies this key");

    private static Observation ApplyChecked(IApplier applier, PolicyValue value)
    {
        string fault;
        try
        {
            applier.Apply(value);
            var observed = applier.Observe(value);
            if (observed.Result is not null) return observed;
            fault = observed.Detail;
        }
        catch (Exception e) when (IsExpected(e))
        {
            fault = e.Message;
        }
        try
        {
            applier.Undo();
            return Observation.Missing(fault);
        }
        catch (Exception e) when (IsExpected(e))
        {
            return Observation.Missing($"{fault}; and what was there before could not be put back: {e.Message}");
        }
    }

    private static Observation Guarded(Func<Observation> look)
    {
        try
        {
            return look();
        }
        catch (Exception e) when (IsExpected(e))
        {
            return Observation.Missing(e.Message);
        }
    }

    private static bool IsExpected(Exception e) => e is IOException or UnauthorizedAccessException;
}
