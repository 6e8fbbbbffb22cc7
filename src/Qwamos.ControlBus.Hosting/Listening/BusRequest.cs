namespace Qwamos.ControlBus.Hosting.Listening;

/// <summary>
/// One request of a connection and the place its answer has in the connection's order. Whoever decides it answers it, once and from
/// any thread; the connection sends the answer when all answers before it are sent.
/// </summary>
public sealed class BusRequest
{
    private readonly AnswerQueue _answers;
    private ReadOnlyMemory<byte> _line;
    private Func<Task<ReadOnlyMemory<byte>>>? _lineAtHead;
    private int _isAnswered;
    private TaskCompletionSource? _followed;
    private bool _isFollowed;

    internal BusRequest(AnswerQueue answers, PeerCredentials peer, FairLane lane)
    {
        _answers = answers;
        Peer = peer;
        Lane = lane;
    }

    public PeerCredentials Peer { get; }

    /// <summary>The connection's place in the fair sharing of verification.</summary>
    public FairLane Lane { get; }

    /// <summary>Completes when the connection has another request after this one: who waits with the answer keeps that one waiting.</summary>
    public Task Followed
    {
        get
        {
            lock (_answers)
                return _isFollowed ? Task.CompletedTask : (_followed ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    /// <summary>Completes when nothing more comes on the connection: who asked has hung up, or only waits for the answers.</summary>
    public Task Ended => _answers.Ended;

    /// <summary>Another request came after this one.</summary>
    internal void Follow()
    {
        TaskCompletionSource? waiting;
        lock (_answers)
            (_isFollowed, waiting) = (true, _followed);
        waiting?.TrySetResult();
    }

    internal bool IsAnswered => Volatile.Read(ref _isAnswered) == 2;

    internal bool ClosesConnection { get; private set; }

    /// <summary>Answers with one JSON line, its newline included.</summary>
    public void Answer(ReadOnlyMemory<byte> line)
    {
        Claim();
        _line = line;
        Complete();
    }

    /// <summary>
    /// The same, and nothing is sent before <see cref="Send"/>: who answers many requests gives each its line first, so that those of one
    /// connection leave together.
    /// </summary>
    internal void AnswerLater(ReadOnlyMemory<byte> line)
    {
        Claim();
        _line = line;
        Volatile.Write(ref _isAnswered, 2);
    }

    /// <summary>Sends what was answered later, when it has its turn.</summary>
    internal void Send() => _answers.Answered();

    /// <summary>Answers with a line that is made only when every earlier request of the connection is answered, so that it shows their outcome.</summary>
    public void AnswerAtHead(Func<Task<ReadOnlyMemory<byte>>> line)
    {
        Claim();
        _lineAtHead = line;
        Complete();
    }

    /// <summary>
    /// Answers, and takes nothing more from this connection; it closes when the answer is sent. Only inside
    /// <see cref="IRequestHandler.Handle"/>, for the requests after it are not to be read.
    /// </summary>
    public void AnswerAndClose(ReadOnlyMemory<byte> line)
    {
        Claim();
        ClosesConnection = true;
        _line = line;
        Complete();
    }

    internal async ValueTask<ReadOnlyMemory<byte>> TakeLineAsync()
    {
        ReadOnlyMemory<byte> line = _lineAtHead is null ? _line : await _lineAtHead();
        _lineAtHead = null;
        _line = default;
        return line;
    }

    private void Claim()
    {
        if (Interlocked.CompareExchange(ref _isAnswered, 1, 0) != 0)
            throw new InvalidOperationException("A request is answered exactly once.");
    }

    private void Complete()
    {
        Volatile.Write(ref _isAnswered, 2);
        _answers.Answered();
    }
}
