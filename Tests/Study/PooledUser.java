import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Random;

import org.apache.jmeter.config.Arguments;
import org.apache.jmeter.protocol.java.sampler.AbstractJavaSamplerClient;
import org.apache.jmeter.protocol.java.sampler.JavaSamplerContext;
import org.apache.jmeter.samplers.SampleResult;

/**
 * One virtual user of the study: an application's thread with a connection that it keeps.
 *
 * Each sample is one connect, or one request: 60 % SELECT by key, 25 % UPDATE by key, 10 % INSERT, 5 % a transaction of
 * two UPDATEs. Before a request the user thinks. An error of class 08 (or a driver that says that the connection is
 * closed) makes it throw the connection away, as connection pools do; after any error it waits, not thinking, and goes
 * on; once connected again it has its request ready. Pauses are not part of the sample's time.
 *
 * In the results, responseMessage is `us=N` (the time with more digits than JMeter's milliseconds) and for an INSERT
 * `us=N seq=N`; after an error responseCode is `number/SQLSTATE`, and responseMessage ends with the text.
 */
public final class PooledUser extends AbstractJavaSamplerClient {
    private static final int RECORDS = 1000;

    private String url;
    private String name;
    private int thinkMilliseconds;
    private int retryMilliseconds;
    private Random random;
    private Connection connection;
    private long sequence;
    /** The last request or connect failed. */
    private boolean hasFailed;
    /** Connected just now: for the first time, or again after an error. */
    private boolean isFresh;
    private boolean isBack;

    @Override
    public Arguments getDefaultParameters() {
        Arguments arguments = new Arguments();
        for (String name : new String[] {"url", "run", "think_ms", "retry_ms", "seed"}) {
            arguments.addArgument(name, "");
        }
        return arguments;
    }

    @Override
    public void setupTest(JavaSamplerContext context) {
        url = context.getParameter("url");
        thinkMilliseconds = context.getIntParameter("think_ms");
        retryMilliseconds = context.getIntParameter("retry_ms");
        // Thread names end with "1-" and the number of the thread in its group.
        String thread = Thread.currentThread().getName();
        name = context.getParameter("run") + "-" + thread.substring(thread.lastIndexOf('-') + 1);
        random = new Random(context.getLongParameter("seed") * 1_000_003 + name.hashCode());
    }

    @Override
    public void teardownTest(JavaSamplerContext context) {
        discard();
    }

    @Override
    public SampleResult runTest(JavaSamplerContext context) {
        if (hasFailed) {
            pause(retryMilliseconds);
        } else if (isFresh) {
            // The first request after the test's first connect comes at any time, so that users do not march in step.
            pause(thinkMilliseconds > 0 ? random.nextInt(thinkMilliseconds + 1) : 0);
        } else if (connection != null && !isBack) {
            pause(thinkMilliseconds / 2 + (thinkMilliseconds > 0 ? random.nextInt(thinkMilliseconds + 1) : 0));
        }
        isFresh = false;
        isBack = false;
        SampleResult result = new SampleResult();
        int dice = random.nextInt(100);
        String label = connection == null ? "connect"
            : dice < 60 ? "select" : dice < 85 ? "update" : dice < 95 ? "insert" : "transaction";
        result.setSampleLabel(label);
        String note = "";
        if (label.equals("insert")) {
            sequence += 1;
            note = " seq=" + sequence;
        }
        long begun = System.nanoTime();
        result.sampleStart();
        try {
            switch (label) {
                case "connect":
                    connection = DriverManager.getConnection(url);
                    isFresh = !hasFailed;
                    isBack = hasFailed;
                    break;
                case "select":
                    select();
                    break;
                case "update":
                    update(random.nextInt(RECORDS) + 1);
                    break;
                case "insert":
                    insert();
                    break;
                default:
                    transaction();
            }
            long microseconds = (System.nanoTime() - begun) / 1000;
            result.sampleEnd();
            result.setSuccessful(true);
            result.setResponseCode("0");
            result.setResponseMessage("us=" + microseconds + note);
            hasFailed = false;
        } catch (SQLException error) {
            long microseconds = (System.nanoTime() - begun) / 1000;
            result.sampleEnd();
            String state = error.getSQLState() == null ? "" : error.getSQLState();
            result.setSuccessful(false);
            result.setResponseCode(error.getErrorCode() + "/" + state);
            String text = String.valueOf(error.getMessage()).replaceAll("[\\r\\n,\"]+", " ");
            result.setResponseMessage("us=" + microseconds + note + " " + text.substring(0, Math.min(160, text.length())));
            hasFailed = true;
            if (connection != null && !isUsable(state)) {
                discard();
            }
        }
        return result;
    }

    /** Ends what an error left open; false if the connection is of no more use. */
    private boolean isUsable(String state) {
        try {
            if (state.startsWith("08") || connection.isClosed()) {
                return false;
            }
            if (!connection.getAutoCommit()) {
                connection.rollback();
                connection.setAutoCommit(true);
            }
            return true;
        } catch (SQLException error) {
            return false;
        }
    }

    private void select() throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT n, words FROM record WHERE id = ?")) {
            statement.setInt(1, random.nextInt(RECORDS) + 1);
            try (ResultSet rows = statement.executeQuery()) {
                if (!rows.next()) {
                    throw new SQLException("a record is missing", "STUDY");
                }
                rows.getString(2);
            }
        }
    }

    private void update(int id) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("UPDATE record SET n = n + 1 WHERE id = ?")) {
            statement.setInt(1, id);
            if (statement.executeUpdate() != 1) {
                throw new SQLException("a record is missing", "STUDY");
            }
        }
    }

    private void insert() throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("INSERT INTO event (user, seq) VALUES (?, ?)")) {
            statement.setString(1, name);
            statement.setLong(2, sequence);
            statement.executeUpdate();
        }
    }

    /** Two records, the smaller id first: users do not lock each other out. */
    private void transaction() throws SQLException {
        int first = random.nextInt(RECORDS - 1) + 1;
        int second = first + 1 + random.nextInt(RECORDS - first);
        connection.setAutoCommit(false);
        update(first);
        update(second);
        connection.commit();
        connection.setAutoCommit(true);
    }

    private void discard() {
        if (connection != null) {
            try {
                connection.close();
            } catch (SQLException error) {
                // It is of no more use, whatever it says.
            }
        }
        connection = null;
    }

    private static void pause(int milliseconds) {
        try {
            Thread.sleep(milliseconds);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }
}
