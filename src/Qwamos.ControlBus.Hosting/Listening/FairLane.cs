namespace Qwamos.ControlBus.Hosting.Listening;

/// <summary>One connection's place in the fair sharing: its work runs one after another, in the order given. Guarded by the scheduler.</summary>
public sealed class FairLane
{
    internal FairLane(uint uid) => Uid = uid;

    internal uint Uid { get; }

    internal Queue<IFairWork>? Waiting { get; set; }

    /// <summary>Pieces that may still run on the thread that brings them. The bringer's alone.</summary>
    internal int PiecesHere { get; set; }

    /// <summary>Work of this lane is running; nobody else may start its next.</summary>
    internal bool IsRunning { get; set; }
}
