using System.Runtime.ExceptionServices;

namespace Qwamos.ControlBus.Ledger;

/// <summary>Work on all cores whose results come in the order of what it was done on, a bounded number of pieces ahead.</summary>
internal static class OrderedWork
{
    // Enough that no core waits for the one that takes the results, and few enough that what is ahead stays small.
    private static readonly int MaxAhead = 2 * Environment.ProcessorCount;

    /// <summary>
    /// Each piece's result, in order. A fault of the source comes after the results of all pieces before it, so that whoever looks for the first
    /// fault sees the first.
    /// </summary>
    public static IEnumerable<TResult> InOrder<T, TResult>(this IEnumerable<T> source, Func<T, TResult> work)
    {
        var ahead = new Queue<Task<TResult>>();
        ExceptionDispatchInfo? fault = null;
        using var pieces = source.GetEnumerator();
        while (fault is null && TryNext(pieces, out var piece, out fault))
        {
            ahead.Enqueue(Task.Run(() => work(piece)));
            if (ahead.Count == MaxAhead)
                yield return ahead.Dequeue().GetAwaiter().GetResult();
        }
        while (ahead.TryDequeue(out var result))
            yield return result.GetAwaiter().GetResult();
        fault?.Throw();
    }

    // Any fault at all: it is thrown again when its turn has come.
    private static bool TryNext<T>(IEnumerator<T> pieces, out T piece, out ExceptionDispatchInfo? fault)
    {
        piece = default!;
        fault = null;
        try
        {
            if (!pieces.MoveNext())
                return false;
            piece = pieces.Current;
            return true;
        }
        catch (Exception e)
        {
            fault = ExceptionDispatchInfo.Capture(e);
            return false;
        }
    }
}
