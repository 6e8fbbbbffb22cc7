using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Boot;

/// <summary>Brings one staged value into force through its applier, and takes it back when that fails half way.</summary>
internal sealed class Application(IEnumerable<IApplier> appliers)
{
    private readonly Dictionary<string, IApplier> byKey = appliers.ToDictionary(applier => applier.Key, StringComparer.Ordinal);

    /// <summary>Applies the change and looks at what is there. Never throws for what an applier meets: that is its result.</summary>
    public Observation Apply(StagedChange change)
    {
        if (!change.IsForThisDomain) return new Observation(BootResult.Recorded, "its audience leaves dom0 out");
        if (!byKey.TryGetValue(change.Key.Name, out var applier)) return new Observation(BootResult.Recorded, "nothing here applies this key");
        try
        {
            if (applier.Check(change.Value) is { } fault) return Observation.Missing(fault);
        }
        catch (Exception e) when (IsExpected(e))
        {
            return Observation.Missing(e.Message);
        }
        return ApplyChecked(applier, change);
    }

    /// <summary>Looks at a change that an earlier run brought into force, and brings it back when it is gone.</summary>
    public Observation Keep(StagedChange change)
    {
        if (!change.IsForThisDomain || !byKey.TryGetValue(change.Key.Name, out var applier)) return Apply(change);
        try
        {
            if (applier.Check(change.Value) is null && applier.Observe(change.Value) is { Result: not null } still) return still;
        }
        catch (Exception e) when (IsExpected(e))
        {
            // Unreadable is as good as gone: applying says why.
        }
        return Apply(change);
    }

    private static Observation ApplyChecked(IApplier applier, StagedChange change)
    {
        string fault;
        try
        {
            applier.Apply(change.Value);
            var observed = applier.Observe(change.Value);
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

    private static bool IsExpected(Exception e) => e is IOException or UnauthorizedAccessException;
}
