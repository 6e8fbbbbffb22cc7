using System.Runtime.InteropServices;
using Qwamos.ControlBus.Hosting.Running;
using Xunit;

namespace Qwamos.ControlBus.Tests.Running;

public sealed partial class ThreadSliceTests
{
    /// <summary>Older kernels take it and do nothing.</summary>
    private static readonly Version HeedsSlices = new(6, 12);

    [Fact]
    public void Slice_IsSetForTheCallingThread_WhoseNiceValueStays()
    {
        SchedAttr before = default, after = default;
        bool set = false;
        var thread = new Thread(() =>
        {
            Assert.Equal(0, SetPriority(0, 0, 5));
            before = Read();
            set = ThreadSlice.TrySet(TimeSpan.FromMicroseconds(300));
            after = Read();
        });
        thread.Start();
        thread.Join();
        Assert.True(set);
        Assert.Equal(5, before.Nice);
        Assert.Equal(before with { Runtime = after.Runtime }, after);
        if (Environment.OSVersion.Version >= HeedsSlices)
            Assert.Equal(300_000UL, after.Runtime);
    }

    private static SchedAttr Read()
    {
        long number = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 315 : 275;
        Assert.Equal(0, SchedGetAttr(number, 0, out SchedAttr found, Marshal.SizeOf<SchedAttr>(), 0));
        return found;
    }

    [LibraryImport("libc", EntryPoint = "setpriority")]
    private static partial int SetPriority(int which, uint who, int nice);

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial long SchedGetAttr(long number, long thread, out SchedAttr attributes, long size, long flags);

    [StructLayout(LayoutKind.Sequential)]
    private record struct SchedAttr
    {
        public uint Size;
        public uint Policy;
        public ulong Flags;
        public int Nice;
        public uint Priority;
        public ulong Runtime;
        public ulong Deadline;
        public ulong Period;
    }
}
