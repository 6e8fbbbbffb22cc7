namespace Qwamos.ControlBus.Audit;

/// <summary>A file of an export is not there, or is not what it must be.</summary>
public sealed class ExportFaultException(AuditFault fault) : IOException(fault.ToString())
{
    /// <summary>Which file, and why.</summary>
    public AuditFault Fault { get; } = fault;
}
