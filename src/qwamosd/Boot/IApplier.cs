using Qwamos.ControlBus.Policy;

namespace Qwamos.Daemon.Boot;

/// <summary>
/// Makes one policy key's value real on this machine. Called in this order: <see cref="Check"/>, <see cref="Apply"/>,
/// <see cref="Observe"/>; <see cref="Undo"/> when one of the last two fails. Each may be run again after a kill at any point.
/// </summary>
internal interface IApplier
{
    /// <summary>The policy key served.</summary>
    string Key { get; }

    /// <summary>Why the value cannot be applied here, or null. Changes nothing.</summary>
    string? Check(PolicyValue value);

    /// <summary>What <see cref="Observe"/> says of the value once it is applied: one of <see cref="BootResult"/>'s good ones. Changes nothing, and is asked before <see cref="Check"/>.</summary>
    string Expect(PolicyValue value);

    /// <summary>Writes the configuration durably. Throws <see cref="IOException"/> when it cannot.</summary>
    void Apply(PolicyValue value);

    /// <summary>Reads back what is really there. Changes nothing.</summary>
    Observation Observe(PolicyValue value);

    /// <summary>
    /// Looks at what the running system does, late in a boot, when it has loaded what is in place. Changes nothing. The same as <see cref="Observe"/>
    /// where nothing is loaded.
    /// </summary>
    Observation ObserveRunning(PolicyValue value) => Observe(value);

    /// <summary>Puts back what the last <see cref="Apply"/> found. Throws <see cref="IOException"/> when it cannot.</summary>
    void Undo();
}
