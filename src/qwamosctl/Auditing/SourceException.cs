namespace Qwamos.Client.Auditing;

/// <summary>Leaves that were asked for did not come.</summary>
internal sealed class SourceException(Failure failure) : IOException(failure.Reason)
{
    public Failure Failure { get; } = failure;
}
