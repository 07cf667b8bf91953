/** The entry: styles, then the root element. Pages and heavy parts load when they are needed. */
import "./styles/index.css";
import "./app";
