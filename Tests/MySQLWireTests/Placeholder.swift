import MySQLWire
import Testing

@Test func trackerIsSmall() {
    #expect(MemoryLayout<ResponseTracker>.size <= 32)
}
