using Qwamos.ControlBus.Policy;
using Qwamos.Daemon.Boot;

namespace Qwamos.ControlBus.Tests.Boot;

/// <summary>An applier that does what a test says, and notes what was asked of it.</summary>
internal sealed class ScriptedApplier(string key = "KERNEL_HARDENING") : IApplier
{
    public List<string> Asked { get; } = [];

    public string? CheckFault { get; set; }

    public bool FailsToApply { get; set; }

    public bool FailsToUndo { get; set; }

    /// <summary>Says done, state unchanged (ATTACK 32).</summary>
    public bool Lies { get; set; }

    public string? Value { get; set; }

    public string Key => key;

    public string? Check(PolicyValue value)
    {
        Asked.Add("check");
        return CheckFault;
    }

    public string Expect(PolicyValue value) => BootResult.InForce;

    public void Apply(PolicyValue value)
    {
        Asked.Add("apply");
        if (FailsToApply) throw new IOException("no space left");
        if (!Lies) Value = value.ToLine();
    }

    public Observation Observe(PolicyValue value)
    {
        Asked.Add("observe");
        return Value == value.ToLine() ? new Observation(BootResult.InForce, "") : Observation.Missing("it is not there");
    }

    public void Undo()
    {
        Asked.Add("undo");
        if (FailsToUndo) throw new IOException("read-only");
    }
}
