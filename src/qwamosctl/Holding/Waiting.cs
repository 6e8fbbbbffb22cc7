using System.Runtime.InteropServices;

namespace Qwamos.Client.Holding;

/// <summary>Waits for whichever of some descriptors has something first.</summary>
internal sealed partial class Waiting
{
    private const short Readable = 0x1;
    private const short Gone = 0x8 | 0x10 | 0x20;

    private readonly List<Descriptor> descriptors = [];

    public void Clear() => descriptors.Clear();

    public void Add(int descriptor) => descriptors.Add(new Descriptor { Number = descriptor, Events = Readable });

    /// <summary>Returns when one of them can be read, or is gone, or the time has passed.</summary>
    public void Wait(int milliseconds)
    {
        if (Poll(CollectionsMarshal.AsSpan(descriptors), (nuint)descriptors.Count, milliseconds) >= 0)
            return;
        foreach (ref var descriptor in CollectionsMarshal.AsSpan(descriptors))
            descriptor.Found = 0;
    }

    /// <summary>Whether reading it does not wait; its end can be read, too.</summary>
    public bool IsReady(int descriptor) => Found(descriptor) != 0;

    /// <summary>Whether nothing will come from it any more.</summary>
    public bool IsGone(int descriptor) => (Found(descriptor) & Gone) != 0 && (Found(descriptor) & Readable) == 0;

    private short Found(int descriptor)
    {
        foreach (var known in descriptors)
        {
            if (known.Number == descriptor)
                return known.Found;
        }
        return 0;
    }

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(Span<Descriptor> descriptors, nuint count, int milliseconds);

    /// <summary>struct pollfd.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Descriptor
    {
        public int Number;
        public short Events;
        public short Found;
    }
}
