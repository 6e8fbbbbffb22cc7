using Qwamos.ControlBus.Envelopes;

namespace Qwamos.ControlBus.Hosting.Pipeline;

/// <summary>How many requests were accepted, and refused with each code, since the start: all that is kept of a stranger's message.</summary>
public sealed class RequestCounts
{
    private readonly long[] _refused = new long[Enum.GetValues<ErrorCode>().Length];
    private long _accepted;

    public long Accepted => Interlocked.Read(ref _accepted);

    public long Refused(ErrorCode code) => Interlocked.Read(ref _refused[(int)code]);

    public long AllRefused => Enum.GetValues<ErrorCode>().Sum(Refused);

    internal void CountAccepted() => Interlocked.Increment(ref _accepted);

    internal void CountRefused(ErrorCode code) => Interlocked.Increment(ref _refused[(int)code]);
}
