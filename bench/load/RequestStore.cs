namespace Qwamos.Load;

/// <summary>Many requests in one piece of memory, so that the collector has nothing to look at while they are sent.</summary>
internal sealed class RequestStore
{
    private readonly byte[] _bytes;
    private readonly int[] _ends;

    public RequestStore(byte[][] requests)
    {
        _ends = new int[requests.Length];
        int end = 0;
        for (int i = 0; i < requests.Length; i++)
            _ends[i] = end += requests[i].Length;
        _bytes = new byte[end];
        for (int i = 0; i < requests.Length; i++)
            requests[i].CopyTo(_bytes, _ends[i] - requests[i].Length);
    }

    public int Count => _ends.Length;

    /// <summary>Of one request, in the mean, without its line end.</summary>
    public double MeanBytes => (double)_bytes.Length / Count - 1;

    public ReadOnlySpan<byte> this[int index] => _bytes.AsSpan((index == 0 ? 0 : _ends[index - 1]).._ends[index]);
}
